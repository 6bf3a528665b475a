"""What ``turnout demo --story`` plays: the models, the policy, the suite and the traffic of each story of PRODUCT.md. Data, and who sends it."""
