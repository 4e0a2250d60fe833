import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { policiesLine } from '../../services/local/pipeline/policies-line.ts'

t.test('npm start names the rules of UPLOAD_POLICIES in their order', async t => {
  const rules = JSON.stringify([{ name: 'staff', groups: ['staff'], maxBytes: 9e9 }, { name: 'everybody' }])
  const expected = 'the first of these rules that applies limits an upload: staff, everybody'
  t.equal(policiesLine(rules), expected)
  const file = path.join(t.testdir(), 'rules.json')
  writeFileSync(file, rules)
  t.equal(policiesLine(file), expected, 'also those of a file')
})

t.test('npm start says nothing without rules', async t => {
  t.equal(policiesLine(undefined), undefined)
  t.equal(policiesLine(''), undefined)
})
