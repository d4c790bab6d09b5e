"""Program text that was mangled on its way -> the text that was meant, with every change told; nothing is guessed."""
