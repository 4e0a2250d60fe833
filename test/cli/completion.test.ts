import { execFileSync } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { candidatesOf } from '../../services/cli/commands/completion.ts'
import { commands } from '../../services/cli/commands/index.ts'
import { headgateHere } from './program.ts'

const headgate = headgateHere(t, {})
const all = await Promise.all(Object.values(commands).map(load => load()))
const names = (...words: string[]) => {
  const found = candidatesOf(words, all)
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
})

t.test('bash completes by the script that the command prints', async t => {
  const dir = t.testdir()
  const program = path.resolve(import.meta.dirname, '../../services/cli/headgate.ts')
  writeFileSync(path.join(dir, 'headgate'), `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`)
  chmodSync(path.join(dir, 'headgate'), 0o755)
  const script = `
    eval "$(headgate completion bash)"
    COMP_WORDS=(headgate dead-letters re) COMP_CWORD=2 COMP_LINE='headgate dead-letters re' COMP_POINT=24
    _headgate_completion
    echo "\${COMPREPLY[@]}"`
  const env = { ...process.env, PATH: `${dir}:${process.env.PATH}` }
  t.equal(execFileSync('bash', ['-c', script], { encoding: 'utf8', env }), 'redrive\n')
})

t.test('an unknown shell is refused', async t => {
  t.match(await headgate('completion', 'tcsh'), { code: 2, stderr: /^Name one shell: bash, / })
  t.notMatch((await headgate('--help')).stdout, 'completion-server')
})
