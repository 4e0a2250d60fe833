/** A child program of a test: prints a last line and ends on SIGTERM. */
process.on('SIGTERM', () => {
  process.stdout.write('drained\n')
  process.exit(0)
})
process.stdout.write('up\n')
setInterval(() => undefined, 1_000)
