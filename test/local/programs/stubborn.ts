/** A program that a test starts as a child: it does not end on SIGTERM. */
process.on('SIGTERM', () => process.stdout.write('not now\n'))
process.stdout.write('up\n')
setInterval(() => undefined, 1_000)
