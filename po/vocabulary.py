# SPDX-License-Identifier: Apache-2.0
"""vocabulary.py VOCABULARY.json: its labels as C for xgettext, which reads no JSON. A term is shown
through _(label), as the dataset has it."""
import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    fields = json.load(file)["fields"]
print("static const char *const labels[] = {")
for field, terms in fields.items():
    for _, label in terms:
        print(f"    /* a term of the field '{field}' */ N_({json.dumps(label, ensure_ascii=False)}),")
print("};")
