"""Prints the state machine's definition as AWS would see it: names and ARNs of a made-up deployment put in.

``python scripts/resolved_definition.py cdk.out/GoProCloudSync.template.json`` - for validators that refuse ``${...}``.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any


def resolve(template: dict[str, Any]) -> str:
    """Return the definition of the template's one state machine; raises ``ValueError`` if a name stays unresolved."""
    machines = [
        entry for entry in template["Resources"].values() if entry["Type"] == "AWS::StepFunctions::StateMachine"
    ]
    [machine] = machines
    text = str(machine["Properties"]["DefinitionString"])
    for name in machine["Properties"]["DefinitionSubstitutions"]:
        stand_in = f"arn:aws:lambda:us-east-1:123456789012:function:{name}" if name.endswith("Arn") else name.lower()
        text = text.replace(f"${{{name}}}", stand_in)
    left = re.findall(r"\$\{\w+\}", text)
    if left:
        raise ValueError(f"the definition names what the template does not give: {', '.join(left)}")
    return json.dumps(json.loads(text), indent=2)


if __name__ == "__main__":
    sys.stdout.write(resolve(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))) + "\n")
