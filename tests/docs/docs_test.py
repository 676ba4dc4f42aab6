"""The configurations that the documents show are valid: each is given to `sluice check`.

A block counts when it is fenced as yaml and has `listeners:`; other blocks show parts.
"""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)  # A lambda looks like a link.
BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def configurations():
    """Yields (place, text) of every whole configuration in the documents."""
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        text = path.read_text(encoding="utf-8")
        for block in BLOCK.finditer(text):
            if re.search(r"^listeners:", block[1], re.MULTILINE):
                line = text.count("\n", 0, block.start()) + 1
                yield f"{path.relative_to(ROOT)}:{line}", block[1]


class Documents(unittest.TestCase):
    def test_every_configuration_shown_is_valid(self):
        shown = list(configurations())
        # Were the blocks no longer found, nothing would be checked.
        self.assertGreaterEqual(len(shown), 5)
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "sluice.yaml")
            for place, text in shown:
                with self.subTest(place):
                    file.write_text(text, encoding="utf-8")
                    checked = subprocess.run(
                        [os.environ["SLUICE_BIN"], "check", str(file)],
                        capture_output=True,
                        text=True,
                        timeout=60,
                        check=False,
                    )
                    self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)

    def test_links_between_documents_lead_somewhere(self):
        link = re.compile(r"\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)")
        for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
            text = CODE.sub("", path.read_text(encoding="utf-8"))
            for target in link.findall(text):
                with self.subTest(path.relative_to(ROOT), target=target):
                    self.assertTrue((path.parent / target).exists(), f"{path}: {target}")


if __name__ == "__main__":
    unittest.main()
