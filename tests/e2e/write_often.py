"""What runs on a machine of a cluster: a client that writes ten times a second, for ever.

Arguments: the API's URL, file of the CA, file of certificate and key, `kept` or `fresh`. A kept
connection is used until it breaks, as Kubernetes' own clients do; a fresh one for each write shows
what a new client meets. Whoever has no answer within two seconds tries again. Each write that was
acknowledged is a line with the time; what failed is a line that says why.
"""

from __future__ import annotations

import json
import ssl
import sys
import time
from http.client import HTTPException, HTTPSConnection
from urllib.parse import urlsplit

PAUSE = 0.1
PATIENCE = 2.0


def main(server: str, ca: str, pair: str, how: str) -> None:
    context = ssl.create_default_context(cafile=ca)
    context.load_cert_chain(pair)
    name = f"writes-{how}"
    path = f"/api/v1/namespaces/default/configmaps/{name}?fieldManager=test"
    headers = {"Content-Type": "application/apply-patch+yaml"}  # makes it where it is not there
    what = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
    connection = None
    number = 0
    while True:
        began = time.monotonic()
        number += 1
        body = json.dumps({**what, "data": {"number": str(number)}})
        try:
            if connection is None:
                to = urlsplit(server).netloc
                connection = HTTPSConnection(to, timeout=PATIENCE, context=context)
            connection.request("PATCH", path, body, headers)
            answer = connection.getresponse()
            said = answer.read()
            if answer.status not in (200, 201):
                raise OSError(f"{answer.status} {said[:100]!r}")
            print(f"{time.time():.3f}", flush=True)
        except (OSError, HTTPException) as error:
            print(f"! {time.time():.3f} {error!r}", flush=True)
            how_it_ended = "failed"
        else:
            how_it_ended = how
        if connection is not None and how_it_ended != "kept":
            connection.close()
            connection = None
        time.sleep(max(0.0, began + PAUSE - time.monotonic()))


if __name__ == "__main__":
    main(*sys.argv[1:])
