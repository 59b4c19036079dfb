"""The asset graph and the command line: wires the stages together, holds no logic of theirs."""
