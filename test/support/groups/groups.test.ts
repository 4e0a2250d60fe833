import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'
import { runProgram } from '../processes.ts'
import { ALONE, LONG } from './exceptions.ts'
import { findTestFiles, writeGroups } from './groups.ts'

const root = path.resolve(import.meta.dirname, '../../..')
const run = path.resolve(import.meta.dirname, 'run-group.ts')

/** Runs files of the test's folder as one group. Resolves to the exit code and the output. */
async function runFiles(t: Test, files: Record<string, string>) {
  const folder = t.testdir(files)
  const names = Object.keys(files).filter(name => name.endsWith('.test.ts'))
  const paths = names.map(name => path.relative(root, path.join(folder, name)))
  const source = `import { runGroup } from ${JSON.stringify(pathToFileURL(run).href)}; await runGroup(${JSON.stringify(paths)})`
  const program = runProgram(t, ['--input-type=module', '--eval', source])
  const { code } = await program.ended
  return { code, output: program.stdout(), errors: program.stderr() }
}

t.test('every test file of a run is in exactly one group', async t => {
  const files = findTestFiles(root, ['test'])
  t.strictSame(files, globSync('test/**/*.test.ts', { cwd: root }).sort())
  const paths = writeGroups(root, files)
  const programs = paths.filter(file => file.endsWith('.mjs'))
  const grouped = programs.flatMap(file => {
    const [, list = ''] = /runGroup\((.*)\)/s.exec(readFileSync(path.join(root, file), 'utf8')) ?? []
    return JSON.parse(list) as string[]
  })
  t.strictSame([...grouped, ...paths.filter(file => !programs.includes(file))].sort(), files)
  t.strictSame(programs, programs.toSorted(), 'tap runs them in this order')
})

t.test('the files of one folder have several groups, and two files have a process each', async t => {
  const programs = (folder: string) => writeGroups(root, findTestFiles(root, [folder]))
  t.ok(programs('test/uploads').length >= 5)
  t.equal(writeGroups(root, ['test/uploads/keys.test.ts', 'test/uploads/store.test.ts']).length, 2)
})

t.test('every exception names files that exist', async t => {
  for (const pattern of [...ALONE, ...LONG]) t.not(globSync(pattern, { cwd: root }).length, 0, pattern)
})

t.test('a folder stands for its test files, and a file is not taken twice', async t => {
  const files = findTestFiles(root, ['test/support/groups', 'test/support/groups/groups.test.ts'])
  t.strictSame(files, ['test/support/groups/groups.test.ts'])
})

t.test('the teardowns of a file run before the next file is imported', async t => {
  const { code, output, errors } = await runFiles(t, {
    'helper.ts': `import t from 'tap'; export const later = (text) => t.teardown(() => console.log(text))`,
    'a.test.ts': `
      import t from 'tap'
      import { later } from './helper.ts'
      later('# end of a')
      t.test('waits', async t => { await new Promise(resolve => setTimeout(resolve, 20)); console.log('# in a') })`,
    'b.test.ts': `
      import t from 'tap'
      import { later } from './helper.ts'
      console.log('# start of b')
      later('# end of b')
      t.pass('b')`,
  })
  t.equal(code, 0, errors)
  t.strictSame(output.match(/(?:in|end of|start of) [ab]/g), ['in a', 'end of a', 'start of b', 'end of b'])
})

t.test('a variable that a file sets or deletes does not reach the next file', async t => {
  const { code, output, errors } = await runFiles(t, {
    'a.test.ts': `import t from 'tap'; process.env.HEADGATE_A = '1'; delete process.env.PATH; t.pass()`,
    'b.test.ts': `import t from 'tap'; t.notOk('HEADGATE_A' in process.env); t.ok(process.env.PATH)`,
  })
  t.equal(code, 0, output + errors)
})

t.test('a file that fails or throws fails the group, and the other files run', async t => {
  const { code, output } = await runFiles(t, {
    'a.test.ts': `import t from 'tap'; t.test('is wrong', async t => { t.equal(1, 2) })`,
    'b.test.ts': `throw new Error('cannot be imported')`,
    'c.test.ts': `import t from 'tap'; t.pass('still runs')`,
  })
  t.equal(code, 1)
  t.match(output, /^not ok 1 - .*\/a\.test\.ts/m)
  t.match(output, /^ +not ok 1 - is wrong/m)
  t.match(output, /^not ok 2 - .*\/b\.test\.ts/m)
  t.match(output, 'cannot be imported')
  t.match(output, /^ok 3 - .*\/c\.test\.ts/m)
  t.match(output, 'still runs')
})
