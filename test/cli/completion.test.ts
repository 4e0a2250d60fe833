import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { candidatesOf } from '../../services/cli/commands/completion.ts'
import { commands } from '../../services/cli/commands/index.ts'
import { headgateHere } from './program.ts'

const program = path.resolve(import.meta.dirname, '../../services/cli/headgate.ts')
const headgate = headgateHere(t, {})
const all = await Promise.all(Object.values(commands).map(load => load()))
const names = (...words: string[]) => {
  const found = candidatesOf(words, all, ['local', 'prod'])
  return found === 'files' ? found : found.map(({ name }) => name)
}

t.test('commands, options and files are completed', async t => {
  t.strictSame(names('up'), ['upload'])
  t.strictSame(names('dead'), ['dead-letters'])
  t.strictSame(names('dead-letters', 're'), ['redrive'])
  t.strictSame(names('profile', ''), ['list', 'use', 'remove'])
  t.strictSame(names('upload', '--rec'), ['--recursive'])
  t.equal(names('upload', ''), 'files')
  t.equal(names('get', '-o', ''), 'files')
  t.strictSame(names('ls', ''), [])
  t.strictSame(names('upload', '--name', ''), [])
  t.equal(names('put', 'orders', ''), 'files')
  t.strictSame(names('upload', '--method', 'g'), ['grant'])
  t.strictSame(names('completion', 'b'), ['bash'])
})

t.test('profiles are completed where a command takes one', async t => {
  t.strictSame(names('ls', '--profile', ''), ['local', 'prod'])
  t.strictSame(names('upload', '-p', 'p'), ['prod'])
  t.strictSame(names('profile', 'use', 'l'), ['local'])
  t.strictSame(names('profile', 'remove', ''), ['local', 'prod'])
  t.strictSame(names('profile', 'list', ''), [])
})

/** Shells with the arguments that start them without settings, and the lines that install the completion. */
const shells = {
  bash: { args: '--norc -i', install: 'eval "$(headgate completion bash)"' },
  zsh: { args: '-f -i', install: 'autoload -U compinit; compinit -u -D; eval "$(headgate completion zsh)"' },
  fish: { args: '--no-config -i', install: 'headgate completion fish | source' },
}

for (const [shell, { args, install }] of Object.entries(shells)) {
  const missing = [shell, 'script'].find(program => spawnSync(program, ['--version']).status !== 0)
  const skip = missing !== undefined && `${missing} is not installed`
  t.test(`${shell} completes words that are typed into a terminal`, { skip }, async t => {
    const dir = t.testdir({ 'notes.txt': 'hello', config: { profiles: { 'local.json': '{}' } } })
    // Prints its arguments, except where the shell asks for a completion or the script.
    writeProgram(
      path.join(dir, 'headgate'),
      `case "$1 $2" in completion-server*|'completion ${shell}') exec '${process.execPath}' '${program}' "$@";; esac
       printf 'GOT'; printf ' %s' "$@"; echo .`,
    )
    const typed = ['dead-letters red', 'upload --rec', 'ls --profile lo', 'upload no', 'upload --method gr']
    const expected = [
      'GOT dead-letters redrive.',
      'GOT upload --recursive.',
      'GOT ls --profile local.',
      'GOT upload notes.txt.',
      'GOT upload --method grant.',
    ]
    const terminal = spawn('script', ['-qec', `${shell} ${args}`, '/dev/null'], {
      cwd: dir,
      env: { ...process.env, PATH: `${dir}:${process.env.PATH}`, HEADGATE_CONFIG_DIR: path.join(dir, 'config') },
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    t.teardown(() => terminal.kill())
    let output = ''
    const seen = new Promise<void>(resolve => {
      terminal.stdout.on('data', (bytes: Buffer) => {
        output += bytes
        if (output.includes(expected.at(-1) ?? '')) resolve()
      })
    })
    // The shell reads the keys one after the other, so that a return comes after the completion of its line.
    terminal.stdin.write([install, ...typed.map(words => `headgate ${words}\t`), ''].join('\r'))
    await Promise.race([seen, once(terminal, 'close')])
    t.strictSame(output.match(/GOT [^.]*(?:\.txt)?\./g), expected)
    terminal.stdin.end('exit\r')
    await once(terminal, 'close')
  })
}

function writeProgram(file: string, script: string): void {
  writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
}

t.test('an unknown shell is refused', async t => {
  t.match(await headgate('completion', 'tcsh'), { code: 2, stderr: /^Name one shell: bash, / })
  t.notMatch((await headgate('--help')).stdout, 'completion-server')
})
