"""Other servers of the same ONNX file: one module each, which says all there is to know of it.

`REQUIREMENTS` of its environment; `FILES`, name -> text, that are written into the folder where
`COMMAND` starts it (its first word is a program of that environment); `PATH` and `READY`, where it
answers; `BODY`, how it is asked (`v2`: the Open Inference Protocol's JSON; `rows`:
`{"input": [[...], ...]}`). In files and command `$MODEL` and `$PORT` stand for the ONNX file and
the port (`$GRPC`, `$METRICS`: two more); both are in its environment as well. All run the model on
one thread, as ours does.
"""
