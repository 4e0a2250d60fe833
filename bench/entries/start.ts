import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pass } from 'node:timers/promises'
import { findQuietPort } from '../../services/local/ports.ts'
import { names } from '../../services/platform/resources.ts'
import { buildAll, buildImage } from '../lib/build.ts'
import { childEnv } from '../lib/child-env.ts'
import { withCleanup } from '../lib/cleanup.ts'
import { BenchError } from '../lib/errors.ts'
import { imageEnv } from '../lib/image-env.ts'
import { startIssuer } from '../lib/issuer.ts'
import type { Contender } from '../lib/report.ts'
import { interleave } from '../lib/rounds.ts'
import { versionsOf } from '../lib/versions.ts'
import { startSink } from '../sink/index.ts'
import type { Entry } from './entry.ts'

interface StartContender extends Contender {
  build: keyof Builds
  /** From the root of the repository, without its extension. */
  program: string
  /** Sent until it is answered. */
  ask: Ask
  env: NodeJS.ProcessEnv
}

/** A request, from the token that it may need. */
type Ask = (token: string) => { method: string; path: string; headers: Record<string, string>; body?: string }

const page =
  (path: string): Ask =>
  () => ({ method: 'GET', path, headers: {} })

const upload: Ask = token => ({
  method: 'POST',
  path: '/uploads',
  headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
  body: JSON.stringify({ filename: 'first.txt', content: 'hello kinesis' }),
})

/** The folders that programs are in, each laid out as the repository. */
interface Builds {
  /** Bundled, and compiled ahead. */
  image: string
  /** As `tsc` makes them. */
  files: string
}

const api: StartContender = {
  name: 'api',
  does: 'dist/services/api/server.js of the image, to the answer of /livez',
  build: 'image',
  program: 'dist/services/api/server',
  ask: page('/livez'),
  env: imageEnv(),
}

const firstUpload: StartContender = {
  ...api,
  name: 'api, an upload',
  does: 'the same, to the answer of POST /uploads: with all that is loaded for the first who asks, the keys of the issuer too',
  ask: upload,
}

const unbundled: StartContender = {
  ...api,
  name: 'api unbundled',
  does: "the same as tsc's files and node_modules, compiled as it starts",
  build: 'files',
  program: 'services/api/server',
}

const worker: StartContender = {
  name: 'worker',
  does: 'dist/services/worker/worker.js of the image, to the answer of /livez',
  build: 'image',
  program: 'dist/services/worker/worker',
  ask: page('/livez'),
  env: { ...imageEnv(), PROCESSED_BUCKET: names.processedBucket },
}

const bare: StartContender = {
  name: 'node:http',
  does: 'bench/contenders/bare-http.ts, to the answer of /',
  build: 'files',
  program: 'bench/contenders/bare-http',
  ask: page('/'),
  env: {},
}

const contenders = [api, firstUpload, unbundled, worker, bare]
/** What a process had spent when it had answered. */
interface Cost {
  firstAnswerMs: number
  /** Of all its threads; 0 where the system does not say. */
  cpuMs: number
}

/** As Linux has it. */
const hasCpu = existsSync('/proc/self/stat')
const HOST = '127.0.0.1'
const TIMEOUT_MS = 60_000
/** From a refused connection to the next try, in milliseconds. */
const PAUSE_MS = 2

/** From nothing to the first answer of a process. */
export const start: Entry = {
  name: 'start',
  summary: 'the start of the api and of the worker, to their first answer: beside a bare node:http server',
  run: ({ rounds, quick, progress }) =>
    withCleanup(async onEnd => {
      progress('start: bundling and compiling')
      const image = await buildImage()
      const files = quick ? path.resolve(import.meta.dirname, '../..') : await buildAll()
      const sink = await startSink()
      onEnd(() => sink.stop())
      const issuer = await startIssuer()
      onEnd(() => issuer.stop())
      const { http } = sink.addresses
      // A user or flags other than the build's have the compile cache linked from there.
      const scratch = await mkdtemp(path.join(tmpdir(), 'headgate-bench-'))
      onEnd(() => rm(scratch, { recursive: true, force: true }))
      const common = { ...childEnv({ aws: http, kinesis: http, issuer: issuer.issuer }), TMPDIR: scratch }
      const fileOf = ({ build, program }: StartContender) =>
        build === 'image'
          ? path.join(image, `${program}.js`)
          : path.join(files, `${program}${quick ? path.extname(import.meta.filename) : '.js'}`)
      const measure = (contender: StartContender) =>
        startOf(contender, fileOf(contender), issuer.token, { ...common, ...contender.env })

      progress('start: once each, for their files to be read from disk')
      for (const contender of contenders) await measure(contender)
      const samples = new Map(contenders.map(({ name }) => [name, [] as Cost[]]))
      for (const [round, turns] of interleave(contenders, rounds).entries()) {
        progress(`start: round ${round + 1} of ${rounds}`)
        for (const contender of turns) samples.get(contender.name)?.push(await measure(contender))
      }

      return {
        name: 'start',
        title: `from the start of a process to its first answer, rounds: ${rounds}`,
        figures: [
          { key: 'firstAnswerMs', label: 'first answer ms', digits: 0 },
          ...(hasCpu ? [{ key: 'cpuMs', label: 'CPU ms', digits: 0 }] : []),
        ],
        contenders: contenders.map(({ name, does }) => ({
          name,
          does,
          samples: {
            firstAnswerMs: (samples.get(name) ?? []).map(cost => cost.firstAnswerMs),
            ...(hasCpu && { cpuMs: (samples.get(name) ?? []).map(cost => cost.cpuMs) }),
          },
        })),
        comparisons: [
          [api.name, bare.name],
          [firstUpload.name, bare.name],
          [unbundled.name, bare.name],
          [api.name, unbundled.name],
          [worker.name, bare.name],
        ],
        versions: versionsOf(['fastify', '@aws-sdk/client-s3']),
      }
    }),
}

/** @throws BenchError where the process ends before it has answered, or takes for ever */
async function startOf(
  { name, ask }: StartContender,
  file: string,
  token: string,
  env: NodeJS.ProcessEnv,
): Promise<Cost> {
  const port = await findQuietPort(HOST)
  const own = { PORT: String(port), HEALTH_PORT: String(port), HEALTH_HOST: HOST }
  const asked = ask(token)
  const startedAt = performance.now()
  const child = spawn(process.execPath, [file], { env: { ...env, ...own }, stdio: 'ignore' })
  try {
    while (!(await isAnswered(port, asked))) {
      if (child.exitCode !== null) throw new BenchError(`${name} ended before it answered: ${child.exitCode}.`)
      if (performance.now() - startedAt > TIMEOUT_MS) throw new BenchError(`${name} has not answered in a minute.`)
      await pass(PAUSE_MS)
    }
    const firstAnswerMs = performance.now() - startedAt
    return { firstAnswerMs, cpuMs: hasCpu && child.pid !== undefined ? cpuMillisOf(child.pid) : 0 }
  } finally {
    await kill(child)
  }
}

/** User and system time of all its threads, those that ended too: in steps of 10 ms, as Linux counts it. */
function cpuMillisOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}

/** @throws BenchError for an answer that is none of success */
function isAnswered(port: number, { method, path, headers, body }: ReturnType<Ask>): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: HOST, port, method, path, headers, agent: false }, response => {
      response.resume()
      if (response.statusCode === 200) resolve(true)
      else reject(new BenchError(`${method} ${path} was answered with ${response.statusCode}.`))
    })
    asked.once('error', () => resolve(false))
    asked.end(body)
  })
}

/** It has nothing under way that it could lose. */
async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}
