/** A program that a test starts as a child: it says why, and fails. */
process.stdout.write('a line of its log\n')
process.stderr.write('the reason\n')
process.exitCode = 7
