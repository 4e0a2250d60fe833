#!/usr/bin/env node
/** The `headgate` command. */
import { commands } from './commands/index.ts'
import { runCli } from './run.ts'

// Whoever reads only the beginning, as `head` does, has what it wants.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

process.exitCode = await runCli(process.argv.slice(2), {
  commands,
  env: process.env,
  stdout: text => process.stdout.write(`${text}\n`),
  stderr: text => process.stderr.write(`${text}\n`),
})
