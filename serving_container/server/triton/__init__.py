"""Engine `triton`: the network runs in a child process `tritonserver`, which batches what comes together.

repository.py writes its model repository, child.py starts and ends the process, host.py holds both and asks, engine.py is one model of it;
model.py runs inside it.
"""
