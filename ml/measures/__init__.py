"""What a campaign brought: hold-outs drawn before sending, effects with intervals, sizes that show one."""
