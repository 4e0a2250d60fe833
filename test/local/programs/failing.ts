/** A child program of a test: prints a reason and fails. */
process.stdout.write('a line of its log\n')
process.stderr.write('the reason\n')
process.exitCode = 7
