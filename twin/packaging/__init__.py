"""Packages the control plane for deployment, and for the twin: `python -m twin.packaging --out build/package`.

The result is `sam.yaml` (Chalice's template merged with infra/) and `deployment.zip` (code, shared wheel and dependencies), cached by
the hash of the sources. With `--assets` there is a folder `assets/` too, gzipped, for the artifact bucket: what browsers load that is too
large for a Lambda's answer.
"""
