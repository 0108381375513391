"""The gRPC port of TensorFlow Serving, simulated with its protos: Predict, GetModelMetadata and GetModelStatus."""

import contextlib
from concurrent import futures

import grpc
from served_model import Refused, ServedModel
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc


class Predictions(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, served: ServedModel):
        self.served = served

    def Predict(self, request, context):
        return answered(context, self.served.predict, request)

    def GetModelMetadata(self, request, context):
        return answered(context, self.served.metadata, request.model_spec)


class Models(model_service_pb2_grpc.ModelServiceServicer):
    def __init__(self, served: ServedModel):
        self.served = served

    def GetModelStatus(self, request, context):
        return answered(context, self.served.status, request.model_spec)


def answered(context, method, request):
    try:
        return method(request)
    except Refused as refused:
        context.abort(grpc.StatusCode[refused.code], refused.message)


@contextlib.contextmanager
def grpc_server(served: ServedModel):
    """Serve on a free port of this machine; gives "localhost:PORT"."""
    server = grpc.server(futures.ThreadPoolExecutor(4))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Predictions(served), server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(Models(served), server)
    port = server.add_insecure_port("localhost:0")
    server.start()
    try:
        yield f"localhost:{port}"
    finally:
        server.stop(None).wait()
