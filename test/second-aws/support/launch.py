"""Starts a second AWS as a child of a test: `launch.py ministack` or `launch.py moto`, with the server's own arguments behind.

The test holds this process's stdin open. When the test ends in any way, kill -9 included, stdin ends, and so does the
server with everything it has started: the test makes it the leader of a process group.
"""

import os
import signal
import sys
import threading

GRACE_S = 5


def end_with_the_test():
    while os.read(0, 4096):
        pass
    # ministack does not end its Lambda functions on every path, so the whole group goes.
    threading.Timer(GRACE_S, lambda: os.killpg(0, signal.SIGKILL)).start()
    os.kill(os.getpid(), signal.SIGTERM)


def run_ministack():
    import ministack.app as app

    if os.environ.get("HEADGATE_TLS_IN_FRONT") == "true":
        # The bucket policies of the stacks deny requests that did not come by TLS. ministack enforces them with AUTH=true
        # and has no setting for a proxy in front of it that ends TLS, so every request counts as one by TLS.
        pin = app.pin_request_origin
        app.pin_request_origin = lambda source_ip, _secure: pin(source_ip, True)
    return app.main()


def run_moto():
    from moto.dynamodb.responses import DynamoHandler
    from moto.kinesis.responses import KinesisResponse
    from moto.server import main

    # moto handles requests in threads and does not lock what they share. Of 3,200 records that eight clients put on a stream, 11
    # were overwritten by others. A conditional write of DynamoDB reads and writes in two steps in the same way, and the leases of
    # the workers depend on such writes. So moto handles one request of these services at a time.
    turn = threading.Lock()
    for handler in (DynamoHandler, KinesisResponse):
        handler.call_action = in_turn(turn, handler.call_action)
    return main()


def in_turn(turn, call_action):
    def locked(self):
        with turn:
            return call_action(self)

    return locked


if __name__ == "__main__":
    server = sys.argv.pop(1)
    threading.Thread(target=end_with_the_test, daemon=True).start()
    sys.exit({"ministack": run_ministack, "moto": run_moto}[server]())
