"""`dheads bench video`: heads on clips that are distorted over known intervals, and then coded."""
