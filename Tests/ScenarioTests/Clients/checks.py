"""What the programs of this folder check with: each says what is not so, and ends the program."""
from botocore.exceptions import ClientError


def check(condition, *what):
    if not condition:
        raise SystemExit(f"failed: {what}")


def refused(code, call, **arguments):
    """Makes a call that must be refused with that code, and returns the error."""
    try:
        call(**arguments)
    except ClientError as error:
        check(error.response["Error"]["Code"] == code, code, error)
        return error
    raise SystemExit(f"{code} was expected of {arguments}")
