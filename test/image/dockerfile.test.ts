import { readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'

const lines = readFileSync(path.resolve(import.meta.dirname, '../../Dockerfile'), 'utf8').split('\n')
const stages = lines.flatMap(line => /^FROM \S+ AS (\S+)$/.exec(line)?.[1] ?? [])

t.test('the Dockerfile uses no feature that needs BuildKit', async t => {
  const asked =
    /^#\s*syntax\s*=|^(?:RUN|COPY|ADD)\s(?:.*\s)?--(?:mount|link|network|security|parents|exclude)\b|<<-?['"]?\w+/
  t.strictSame(
    lines.filter(line => asked.test(line)),
    [],
  )
})

t.test('a builder without BuildKit builds no stage that is not needed', async t => {
  const before = (stage: string) => stages.slice(0, stages.indexOf(stage))
  const needed = ['base', 'lambda-client', 'running', 'packages', 'build', 'bundle']
  t.strictSame(before('runtime'), needed)
  t.strictSame(before('local'), [...needed, 'runtime', 'servers'], 'compose asks for both')
  t.equal(lines.filter(line => line.startsWith('FROM')).at(-1), 'FROM runtime', 'what is built where none is asked for')
})

t.test("the stage that compiles Lambda's runtime client does not depend on the code", async t => {
  const from = lines.indexOf('FROM base AS lambda-client')
  const until = lines.findIndex((line, index) => index > from && line.startsWith('FROM'))
  t.ok(from > 0 && lines.slice(0, until).every(line => !/^(?:COPY|ADD|ARG)\b/.test(line)))
})
