import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { startPipeline } from './npm-start.ts'

/** Returns the files that other users may read, write or enter, with their modes. */
function openToOthers(root: string): string[] {
  const names = ['', ...readdirSync(root, { recursive: true }).map(String)]
  return names.flatMap(name => {
    const mode = statSync(path.join(root, name)).mode & 0o777
    return (mode & 0o077) === 0 ? [] : [`${name || '.'} ${mode.toString(8)}`]
  })
}

t.test('only the owner can read the data directory of npm start', async t => {
  const parent = mkdtempSync(path.join(tmpdir(), 'headgate-private-'))
  t.teardown(() => rmSync(parent, { recursive: true, force: true }))
  const dir = path.join(parent, 'data')
  const once = async () => {
    const program = startPipeline(t, ['--once', '--data', dir])
    t.match(await program.ended, { code: 0 }, program.stderr())
  }
  await once()
  t.ok(readdirSync(dir).length > 3, readdirSync(dir).join(', '))
  t.same(openToOthers(dir), [])

  chmodSync(dir, 0o755)
  await once()
  t.same(openToOthers(dir), [], 'the permissions of an existing data directory are restricted')
})
