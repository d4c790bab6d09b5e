"""Small texts in the place of the files that lessons about language read: written by us, or long in the public domain.

They lie beside this file and are read when it is imported: under the seal no file can be opened.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

HERE = Path(__file__).with_name("texts")
SHAKESPEARE = (HERE / "shakespeare.txt").read_text(encoding="utf-8")
POEMS = (HERE / "poems.txt").read_text(encoding="utf-8")
FIRST_NAMES = (HERE / "first_names.txt").read_text(encoding="utf-8")
SURNAMES: tuple[tuple[str, str], ...] = tuple(
    (language, "\n".join(names.split()) + "\n")
    for language, _, names in (
        line.partition(":") for line in (HERE / "surnames.txt").read_text(encoding="utf-8").splitlines()
    )
)
"""Each language, and its names one to a line."""
SUBJECTS = (
    ("I am", "Je", "suis", "ms"),
    ("He is", "Il", "est", "ms"),
    ("She is", "Elle", "est", "fs"),
    ("You are", "Tu", "es", "ms"),
    ("We are", "Nous", "sommes", "mp"),
    ("They are", "Ils", "sont", "mp"),
)
DESCRIPTIONS: Mapping[str, tuple[str, str]] = {
    "tired": ("fatigué", "fatiguée"),
    "happy": ("content", "contente"),
    "ready": ("prêt", "prête"),
    "busy": ("occupé", "occupée"),
    "strong": ("fort", "forte"),
    "late": ("en retard", "en retard"),
    "alone": ("seul", "seule"),
    "sick": ("malade", "malade"),
    "young": ("jeune", "jeune"),
    "rich": ("riche", "riche"),
    "poor": ("pauvre", "pauvre"),
    "calm": ("calme", "calme"),
    "sad": ("triste", "triste"),
    "free": ("libre", "libre"),
    "weak": ("faible", "faible"),
    "lost": ("perdu", "perdue"),
    "awake": ("réveillé", "réveillée"),
    "tall": ("grand", "grande"),
    "here": ("ici", "ici"),
    "at home": ("à la maison", "à la maison"),
}
PHRASES = """Go. Va !|Run! Cours !|Stop! Arrête !|Wait. Attends.|Hello! Bonjour !|Come in. Entre.|I see. Je vois.
I know. Je sais.|I won. J'ai gagné.|I lost. J'ai perdu.|Help me. Aide-moi.|Good night. Bonne nuit.|Thank you. Merci.
I like tea. J'aime le thé.|I like music. J'aime la musique.|It is cold. Il fait froid.|It is late. Il est tard.
Open the door. Ouvre la porte.|Close the door. Ferme la porte.|I have a dog. J'ai un chien.
He has a cat. Il a un chat.|She has a car. Elle a une voiture.|We have time. Nous avons le temps.
Where are you? Où es-tu ?|Who is there? Qui est là ?|I don't know. Je ne sais pas."""


def translations() -> Iterator[str]:
    """English, a tab, French; the short ones first."""
    for pair in PHRASES.replace("\n", "|").split("|"):
        end = min(at for mark in ".!?" if (at := pair.find(mark)) > 0) + 1
        yield f"{pair[:end]}\t{pair[end:].strip()}\n"
    for negated in (False, True):
        for english, (masculine, feminine) in DESCRIPTIONS.items():
            for who, subject, verb, form in SUBJECTS:
                french = feminine if form == "fs" else masculine
                bare = " " in french or french == "ici"
                french += "s" if form == "mp" and not bare else ""
                no = "n'" if verb.startswith("e") else "ne "
                said = f"{no}{verb} pas" if negated else verb
                yield f"{who} {'not ' if negated else ''}{english}.\t{subject} {said} {french}.\n"


TEXTS: Mapping[str, str] = {
    "english_text": SHAKESPEARE,
    "poems": POEMS,
    "first_names": "\n".join(FIRST_NAMES.split()) + "\n",
    "translations": "".join(translations()),
}


def files_at(name: str, path: str) -> Mapping[str, str]:
    """The files of a set, by their full names, for the one that was asked for there."""
    if name != "surnames":
        return {path: TEXTS[name]}
    asked = PurePosixPath(path)
    folder = asked.parent if asked.suffix else asked
    return {str(folder / f"{language}.txt"): names for language, names in SURNAMES}
