"""Reading a page: where text is (detector), what it says (recogniser), which way up the page is. Trainer, evaluator and server share it.

Needs numpy, onnxruntime and OpenCV; nothing of rapidocr, whose two networks are files of every model.
"""
