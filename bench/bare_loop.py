"""The plain way to time a model, which knows nothing of the product: MODEL EVALSET SECONDS."""

import sys
import time
from statistics import median

import numpy as np
import onnxruntime as ort

options = ort.SessionOptions()
options.intra_op_num_threads = 1
session = ort.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
samples = np.load(sys.argv[2])
feeds = {i.name: samples[i.name][:1].reshape(i.shape) for i in session.get_inputs()}
end = time.perf_counter() + float(sys.argv[3])
times = []
while time.perf_counter() < end:
    start = time.perf_counter()
    session.run(None, feeds)
    times.append(time.perf_counter() - start)
print(median(times[len(times) // 10 :]) * 1e3)
