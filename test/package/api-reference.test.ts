import { readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { PAGE_FILES, writeApiReference } from './api-reference.ts'

const committed = path.resolve(import.meta.dirname, '../../docs/reference/api')
const out = t.testdir()
const skip = !(await writeApiReference(out)) && 'no package registry is reachable, and the npm cache lacks TypeDoc'

t.test('docs/reference/api/ is what TypeDoc generates from the doc comments', { skip }, async t => {
  for (const page of PAGE_FILES) {
    const expected = readFileSync(path.join(out, page), 'utf8')
    t.ok(readFileSync(path.join(committed, page), 'utf8') === expected, `${page}: if it differs, run npm run docs:api`)
  }
})
