/** A child program of a test: ignores SIGTERM. */
process.on('SIGTERM', () => process.stdout.write('not now\n'))
process.stdout.write('up\n')
setInterval(() => undefined, 1_000)
