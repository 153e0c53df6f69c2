"""Readers of annotation files: VOC (voc.py), COCO (coco.py), YOLO (yolo.py). Bytes in, objects with boxes out; no pixels, no torch.
alignment.py brings the boxes onto the picture as it is shown.

Files come from outside: every reader bounds what it takes and raises BrokenAnnotation for what it does not understand.
"""
