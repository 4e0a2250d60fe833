import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { get } from 'node:http'
import path from 'node:path'
import { setTimeout as pass } from 'node:timers/promises'
import { findPort } from '../../services/local/ports.ts'
import { names } from '../../services/platform/resources.ts'
import { buildAll } from '../lib/build.ts'
import { childEnv } from '../lib/child-env.ts'
import { withCleanup } from '../lib/cleanup.ts'
import { BenchError } from '../lib/errors.ts'
import { imageEnv } from '../lib/image-env.ts'
import type { Contender } from '../lib/report.ts'
import { interleave } from '../lib/rounds.ts'
import { versionsOf } from '../lib/versions.ts'
import { startSink } from '../sink/index.ts'
import type { Entry } from './entry.ts'

interface Started extends Contender {
  /** From the root of the repository, without its extension. */
  program: string
  /** Asked for until it is answered. */
  page: string
  env: NodeJS.ProcessEnv
}

const api: Started = {
  name: 'api',
  does: 'services/api/server.ts, to the answer of /livez',
  program: 'services/api/server',
  page: '/livez',
  env: imageEnv(),
}

const worker: Started = {
  name: 'worker',
  does: 'services/worker/worker.ts, to the answer of /livez',
  program: 'services/worker/worker',
  page: '/livez',
  env: { ...imageEnv(), PROCESSED_BUCKET: names.processedBucket },
}

const bare: Started = {
  name: 'node:http',
  does: 'bench/contenders/bare-http.ts, to the answer of /',
  program: 'bench/contenders/bare-http',
  page: '/',
  env: {},
}

const contenders = [api, worker, bare]
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
      if (!quick) progress('start: compiling')
      const at = quick ? path.resolve(import.meta.dirname, '../..') : await buildAll()
      const extension = quick ? path.extname(import.meta.filename) : '.js'
      const sink = await startSink()
      onEnd(() => sink.stop())
      const { http } = sink.addresses
      const common = childEnv({ aws: http, kinesis: http, issuer: http })
      const millisOf = ({ name, program, page, env }: Started) =>
        millisToAnswer(name, path.join(at, `${program}${extension}`), page, { ...common, ...env })

      progress('start: once each, for their files to be read from disk')
      for (const contender of contenders) await millisOf(contender)
      const samples = new Map(contenders.map(({ name }) => [name, [] as number[]]))
      for (const [round, turns] of interleave(contenders, rounds).entries()) {
        progress(`start: round ${round + 1} of ${rounds}`)
        for (const contender of turns) samples.get(contender.name)?.push(await millisOf(contender))
      }

      return {
        name: 'start',
        title: `from the start of a process to its first answer, rounds: ${rounds}`,
        figures: [{ key: 'firstAnswerMs', label: 'first answer ms', digits: 0 }],
        contenders: contenders.map(({ name, does }) => ({
          name,
          does,
          samples: { firstAnswerMs: samples.get(name) ?? [] },
        })),
        comparisons: [
          [api.name, bare.name],
          [worker.name, bare.name],
        ],
        versions: versionsOf(['fastify', '@aws-sdk/client-s3']),
      }
    }),
}

/** @throws BenchError where the process ends before it has answered, or takes for ever */
async function millisToAnswer(name: string, file: string, page: string, env: NodeJS.ProcessEnv): Promise<number> {
  const port = await findPort(HOST, 0)
  const own = { PORT: String(port), HEALTH_PORT: String(port), HEALTH_HOST: HOST }
  const startedAt = performance.now()
  const child = spawn(process.execPath, [file], { env: { ...env, ...own }, stdio: 'ignore' })
  try {
    while (!(await isAnswered(port, page))) {
      if (child.exitCode !== null) throw new BenchError(`${name} ended before it answered: ${child.exitCode}.`)
      if (performance.now() - startedAt > TIMEOUT_MS) throw new BenchError(`${name} has not answered in a minute.`)
      await pass(PAUSE_MS)
    }
    return performance.now() - startedAt
  } finally {
    await kill(child)
  }
}

function isAnswered(port: number, path: string): Promise<boolean> {
  return new Promise(resolve => {
    get({ host: HOST, port, path, agent: false }, response => {
      response.resume()
      resolve(response.statusCode === 200)
    }).once('error', () => resolve(false))
  })
}

/** It has nothing under way that it could lose. */
async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}
