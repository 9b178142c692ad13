"""Reports: one run's results and facts as notebook output, HTML, JUnit, SARIF, Markdown, CSV.

Text from the target is data here: it is escaped where it meets markup, and never decides anything.
"""
