import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import t from 'tap'
import { startPipeline, untilUp } from './npm-start.ts'

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')

/** Returns the value that npm start printed for a shell variable. */
const printed = (text: string, name: string) => new RegExp(`^${name}=(\\S+)$`, 'm').exec(text)?.[1] ?? ''

t.test("the README's commands for uploading by hand work as printed", async t => {
  const section = /^## By hand\n(?<text>[\s\S]*?)^## /m.exec(readme)?.groups?.text ?? ''
  const [variables = '', script = '', grants = '', tus = '', ...more] = [
    ...section.matchAll(/^```sh\n([\s\S]*?)^```/gm),
  ].map(([, text]) => text)
  t.match(variables, /^API=.*\nTOKEN=.*\n$/)
  t.strictSame(more, [])

  const program = startPipeline(t, ['--port', '0'])
  await untilUp(t, program)
  const env = {
    PATH: process.env.PATH,
    API: printed(program.stdout(), 'API'),
    TOKEN: printed(program.stdout(), 'TOKEN'),
  }
  const cwd = t.testdir()
  const runScript = async (text: string) => (await promisify(execFile)('sh', ['-eu', '-c', text], { cwd, env })).stdout
  const stdout = await runScript(script)

  t.equal(stdout.match(/HTTP\/1\.1 200 OK\r$/gm)?.length, 6, stdout)
  const waited = /(\{"uploadId".*\})\nretry: /.exec(stdout)?.[1] ?? ''
  t.match(JSON.parse(waited), { filename: 'notes.txt', size: 12, status: 'processed' })
  t.match(
    stdout,
    /^event: upload\ndata: \{"uploadId".*"status":"processed".*\n\nHELLO AGAIN\nhello again\n\{"uploads":\[/m,
  )
  t.match(stdout, /HTTP\/1\.1 204 No Content\r$/m)

  const sent = await runScript(grants)
  // Four PUTs and two completed uploads.
  t.equal(sent.match(/HTTP\/1\.1 200 OK\r$/gm)?.length, 6, sent)
  const resumable = await runScript(tus)
  t.match(resumable, /HTTP\/1\.1 204 No Content\r\n[\s\S]*upload-offset: 12\r$/m)

  const get = async (path: string) => {
    const response = await fetch(`${env.API}${path}`, { headers: { authorization: `Bearer ${env.TOKEN}` } })
    t.equal(response.status, 200, path)
    return response
  }
  const { uploads } = (await (await get('/uploads?limit=3')).json()) as { uploads: Array<{ uploadId: string }> }
  const [last, large, whole] = await Promise.all(
    uploads.map(async ({ uploadId }) => (await get(`/uploads/${uploadId}?wait=20`)).json()),
  )
  t.match(last, { filename: 'notes.txt', contentType: 'text/plain', size: 12, status: 'processed' }, 'by tus')
  t.match(large, { filename: 'large.bin', size: 20_000_000, status: 'processed' }, 'in parts')
  t.match(whole, { filename: 'notes.txt', size: 12, status: 'processed' }, 'in one PUT')
  const content = async (index: number) =>
    Buffer.from(await (await get(`/uploads/${uploads[index]?.uploadId}/content`)).arrayBuffer())
  t.equal((await content(0)).toString(), 'hello again\n')
  t.ok((await content(1)).equals(Buffer.alloc(20_000_000)))
})
