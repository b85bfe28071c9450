"""Many edits at once: lists and datasets in, image pairs for change detection out."""
