"""Answer every error with a sentence in ``detail``, never with a traceback."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from orchestration.lib.core.errors import NotThere, UsageError, VitalhouseError
from orchestration.lib.query.publications import PublicationGone, TooSlow
from orchestration.lib.query.published import NothingPublished
from serving.content_negotiation import FORMATS, NotAcceptable

# The first class that fits an error counts.
_STATUS = {NothingPublished: 503, PublicationGone: 410, NotThere: 404, TooSlow: 422, UsageError: 422}
_SENTENCES = {404: "there is nothing here: / has the apps and /docs the API", 405: "this can only be read (GET)"}


def handle_errors(app: FastAPI) -> None:
    """Register a handler for every kind of error."""

    @app.exception_handler(VitalhouseError)
    def handle_vitalhouse_error(_: Request, error: VitalhouseError) -> Response:
        status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 500)
        return _problem(str(error), status)

    @app.exception_handler(NotAcceptable)
    def handle_not_acceptable(_: Request, error: NotAcceptable) -> Response:
        return _problem(f"Accept allows none of {', '.join(form.media_type for form in FORMATS)}", 406)

    @app.exception_handler(RequestValidationError)
    def handle_invalid_request(_: Request, error: RequestValidationError) -> Response:
        messages = [
            f"{problem['loc'][-1]}: {problem['msg'].removeprefix('Value error, ')}" for problem in error.errors()
        ]
        return _problem("; ".join(messages), 422)

    @app.exception_handler(HTTPException)
    def handle_http_exception(_: Request, error: HTTPException) -> Response:
        sentence = _SENTENCES.get(error.status_code, error.detail)
        return JSONResponse({"detail": sentence}, error.status_code, error.headers)

    @app.exception_handler(Exception)
    def handle_unexpected(_: Request, error: Exception) -> Response:
        return _problem("something went wrong here; the server's terminal says what", 500)


def _problem(sentence: str, status: int) -> JSONResponse:
    return JSONResponse({"detail": sentence}, status)
