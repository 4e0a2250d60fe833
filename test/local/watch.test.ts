import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { until } from '../support/processes.ts'
import { startPipeline } from './npm-start.ts'

const MODULE = (body: string) => `export default {
  name: 'mine',
  version: '1',
  async *apply(input) {
    ${body}
  },
}
`
const mark = (text: string) => MODULE(`yield { contentType: 'text/plain', body: [Buffer.from('${text}')] }`)

/** Runs npm start with a transform for every upload, and resolves once it takes uploads. */
async function start(t: Test, module: string) {
  const folder = t.testdir({ 'mine.mjs': module, 'transforms.json': '{ "rules": [{ "module": "./mine.mjs" }] }' })
  const env = { TRANSFORMS: path.join(folder, 'transforms.json') }
  const program = startPipeline(t, ['--port', '0'], env)
  await until(() => program.stdout().includes('Ctrl-C stops everything') || program.child.exitCode !== null, {
    ...{ timeoutMs: 120_000, what: 'npm start' },
  })
  const printed = (name: string) => new RegExp(`^${name}=(\\S+)$`, 'm').exec(program.stdout())?.[1] ?? ''
  const headers = { authorization: `Bearer ${printed('TOKEN')}`, 'content-type': 'application/json' }
  const uploads = `${printed('API')}/uploads`
  async function upload(filename: string): Promise<string> {
    const body = JSON.stringify({ filename, content: 'a text' })
    const response = await fetch(uploads, { method: 'POST', headers, body })
    return ((await response.json()) as { uploadId: string }).uploadId
  }
  /** Resolves to the main output of an upload once it is processed. */
  async function output(uploadId: string): Promise<string> {
    let status = ''
    while (status !== 'processed') {
      const response = await fetch(`${uploads}/${uploadId}?wait=20`, { headers })
      status = ((await response.json()) as { status: string }).status
    }
    return await (await fetch(`${uploads}/${uploadId}/processed`, { headers })).text()
  }
  return {
    program,
    upload,
    output,
    write: (text: string) => writeFileSync(path.join(folder, 'mine.mjs'), text),
    reloaded: (count: number) =>
      until(() => program.stdout().split('Reloaded').length > count, { timeoutMs: 60_000, what: `reload ${count}` }),
  }
}

t.test('a saved transform processes the next upload, and an invalid one changes nothing', async t => {
  const { program, upload, output, write, reloaded } = await start(t, mark('one'))
  t.match(program.stdout(), /^ {2}watch +\S/m)
  t.equal(await output(await upload('a.txt')), 'one')
  write(mark('two'))
  await reloaded(1)
  t.equal(await output(await upload('b.txt')), 'two')

  write('export default {')
  await until(() => program.stdout().includes('the old version stays in use'), { timeoutMs: 60_000 })
  t.equal(await output(await upload('c.txt')), 'two')
  t.match(program.stdout(), /mine\.mjs was saved, but the old version stays in use until the next save:\n.*mine\.mjs/)
  t.equal(program.stderr(), '')
  process.kill(-program.pid, 'SIGINT')
  t.strictSame(await program.ended, { code: 0, signal: null })
})

t.test('a transform that throws is shown with its line, and a reload processes its uploads', async t => {
  const { program, upload, output, write } = await start(t, MODULE("throw new Error('not today')"))
  t.match(
    program.stderr(),
    /^Upload attempt 1 failed and is retried in \d\.\d s: demo\.txt \([0-9a-f-]{36}\): not today \(\S*mine\.mjs:5\)\.$/m,
  )
  t.match(program.stderr(), 'The demo upload was not processed: The upload keeps failing and will be retried.')
  const waiting = await Promise.all(['a.txt', 'b.txt', 'c.txt'].map(upload))
  for (const file of ['a.txt', 'b.txt', 'c.txt']) {
    await until(() => program.stderr().includes(`: ${file} (`), { timeoutMs: 60_000, what: `the notice of ${file}` })
  }
  write(mark('mended'))
  t.strictSame(await Promise.all(waiting.map(output)), ['mended', 'mended', 'mended'])
  t.equal(program.stderr().match(/ a\.txt /g)?.length, 1, 'one line for each upload')
  process.kill(-program.pid, 'SIGINT')
  t.strictSame(await program.ended, { code: 0, signal: null })
})

t.test('uploads that are in flight during a reload are processed', async t => {
  const slow = (text: string) =>
    MODULE(`await new Promise(resolve => setTimeout(resolve, 300))
    yield { contentType: 'text/plain', body: [Buffer.from('${text}')] }`)
  const { upload, output, write, reloaded } = await start(t, slow('one'))
  const sent: Promise<string>[] = []
  for (let i = 1; i <= 3; i++) {
    sent.push(...Array.from({ length: 4 }, (_, index) => upload(`${i}-${index}.txt`)))
    await sent[sent.length - 4]
    write(slow(`version ${i}`))
    await reloaded(i)
  }
  const outputs = await Promise.all(sent.map(async id => output(await id)))
  t.equal(outputs.length, 12)
  t.ok(
    outputs.every(text => /^(?:one|version [123])$/.test(text)),
    outputs.join(),
  )
  t.equal(await output(await upload('last.txt')), 'version 3')
})
