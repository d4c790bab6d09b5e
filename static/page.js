// The page's own behaviour. Everything works without it as a form; this makes it live.
import { startEditor } from "./editor.js";
import { startEvaluation } from "./evaluation.js";
import { startGraph } from "./graph.js";
import { startInputs } from "./inputs.js";
import { startLive } from "./live.js";
import { startThemes } from "./themes.js";
import { startReadings } from "./readings.js";

document.documentElement.classList.add("scripted");
const editor = startEditor();
const evaluation = startEvaluation(editor);
startInputs();
startGraph(editor);
startReadings();
startThemes();
startLive(evaluation);
