"""``python -m quantize_int8`` is the command ``quantize-int8``."""

from quantize_int8._command import main

main()
