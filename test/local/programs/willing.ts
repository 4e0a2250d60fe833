/** A program that a test starts as a child: it ends on SIGTERM, with a last word. */
process.on('SIGTERM', () => {
  process.stdout.write('drained\n')
  process.exit(0)
})
process.stdout.write('up\n')
setInterval(() => undefined, 1_000)
