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
  /** The path from the root of the repository, without its extension. */
  program: string
  /** The request that is sent until there is a response. */
  ask: Ask
  env: NodeJS.ProcessEnv
}

/** Returns a request with the token. */
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

/** The folders of the programs, each laid out like the repository. */
interface Builds {
  /** Bundled and compiled ahead. */
  image: string
  /** The output of `tsc`. */
  files: string
}

const api: StartContender = {
  name: 'api',
  does: 'dist/services/api/server.js of the image, up to the response of /livez',
  build: 'image',
  program: 'dist/services/api/server',
  ask: page('/livez'),
  env: imageEnv(),
}

const firstUpload: StartContender = {
  ...api,
  name: 'api, an upload',
  does: 'the same, up to the response of POST /uploads: with everything that is loaded on the first request, including the keys of the issuer',
  ask: upload,
}

const unbundled: StartContender = {
  ...api,
  name: 'api unbundled',
  does: "the same as tsc's output and node_modules, compiled at the start",
  build: 'files',
  program: 'services/api/server',
}

const worker: StartContender = {
  name: 'worker',
  does: 'dist/services/worker/worker.js of the image, up to the response of /livez',
  build: 'image',
  program: 'dist/services/worker/worker',
  ask: page('/livez'),
  env: { ...imageEnv(), PROCESSED_BUCKET: names.processedBucket },
}

const bare: StartContender = {
  name: 'node:http',
  does: 'bench/contenders/bare-http.ts, up to the response of /',
  build: 'files',
  program: 'bench/contenders/bare-http',
  ask: page('/'),
  env: {},
}

const contenders = [api, firstUpload, unbundled, worker, bare]
/** The cost of a process up to its first response. */
interface Cost {
  firstAnswerMs: number
  /** CPU time of all its threads; 0 on systems that do not report it. */
  cpuMs: number
}

/** Only Linux has /proc. */
const hasCpu = existsSync('/proc/self/stat')
const HOST = '127.0.0.1'
const TIMEOUT_MS = 60_000
/** The pause between two attempts to connect, in milliseconds. */
const PAUSE_MS = 2

/** Measures the start of a process up to its first response. */
export const start: Entry = {
  name: 'start',
  summary: 'the start of the api and of the worker up to their first response, beside a bare node:http server',
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
      // For another user or other flags than those of the build, the compile cache is linked from this folder.
      const scratch = await mkdtemp(path.join(tmpdir(), 'headgate-bench-'))
      onEnd(() => rm(scratch, { recursive: true, force: true }))
      const common = { ...childEnv({ aws: http, kinesis: http, issuer: issuer.issuer }), TMPDIR: scratch }
      const fileOf = ({ build, program }: StartContender) =>
        build === 'image'
          ? path.join(image, `${program}.js`)
          : path.join(files, `${program}${quick ? path.extname(import.meta.filename) : '.js'}`)
      const measure = (contender: StartContender) =>
        startOf(contender, fileOf(contender), issuer.token, { ...common, ...contender.env })

      progress('start: one start each, so that their files are in the page cache')
      for (const contender of contenders) await measure(contender)
      const samples = new Map(contenders.map(({ name }) => [name, [] as Cost[]]))
      for (const [round, turns] of interleave(contenders, rounds).entries()) {
        progress(`start: round ${round + 1} of ${rounds}`)
        for (const contender of turns) samples.get(contender.name)?.push(await measure(contender))
      }

      return {
        name: 'start',
        title: `from the start of a process to its first response, rounds: ${rounds}`,
        figures: [
          { key: 'firstAnswerMs', label: 'first response ms', digits: 0 },
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

/** @throws BenchError if the process ends before it responds, or does not respond in time */
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
      if (child.exitCode !== null) throw new BenchError(`${name} ended before it responded: ${child.exitCode}.`)
      if (performance.now() - startedAt > TIMEOUT_MS) throw new BenchError(`${name} did not respond within a minute.`)
      await pass(PAUSE_MS)
    }
    const firstAnswerMs = performance.now() - startedAt
    return { firstAnswerMs, cpuMs: hasCpu && child.pid !== undefined ? cpuMillisOf(child.pid) : 0 }
  } finally {
    await kill(child)
  }
}

/** Returns the user and system time of all threads, including ended ones. Linux counts it in steps of 10 ms. */
function cpuMillisOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}

/** @throws BenchError if the response is not 200 */
function isAnswered(port: number, { method, path, headers, body }: ReturnType<Ask>): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: HOST, port, method, path, headers, agent: false }, response => {
      response.resume()
      if (response.statusCode === 200) resolve(true)
      else reject(new BenchError(`${method} ${path}: ${response.statusCode}.`))
    })
    asked.once('error', () => resolve(false))
    asked.end(body)
  })
}

/** Killed, because it has no requests in flight to lose. */
async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}
