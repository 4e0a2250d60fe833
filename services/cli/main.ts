/** Runs the `headgate` command. */
import { enterCallersFolder, headgateOfClone } from '../platform/npm-script.ts'
import { commands } from './commands/index.ts'
import { runCli } from './run.ts'

// An error here means that the reader of the output is gone: `head` has read enough, or the terminal was closed.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO') {
      process.stderr.write(`The output can't be written: ${error.message}\n`)
      process.exit(1)
    }
    // A command that cleans up before it ends listens to SIGHUP, and must be able to finish.
    if (process.listenerCount('SIGHUP') > 0) process.emit('SIGHUP', 'SIGHUP')
    else if (stream === process.stdout) process.exit(0)
  })
}

let isExplained = false
const isNpmScript = enterCallersFolder('headgate', process.env)
const args = process.argv.slice(2)
const code = await runCli(args, {
  commands,
  env: process.env,
  stdout: text => process.stdout.write(`${text}\n`),
  stderr: text => process.stderr.write(`${text}\n${isNpmScript && !args.includes('--json') ? howToCall(text) : ''}`),
})

/** Messages name the command `headgate`. In a clone its name is longer, which is said once. */
function howToCall(text: string): string {
  if (isExplained || !/\bheadgate [a-z]/.test(text)) return ''
  isExplained = true
  return `Here, \`headgate\` is: ${headgateOfClone()}\n`
}

// A pending request or credential process would keep the process alive. So the process exits once its output is written.
const written = (stream: NodeJS.WriteStream) => new Promise<void>(resolve => stream.write('', () => resolve()))
await Promise.all([written(process.stdout), written(process.stderr)])
process.exit(code)
