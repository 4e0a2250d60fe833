import path from 'node:path'
import { setTimeout as pass } from 'node:timers/promises'
import { findQuietPort } from '../services/local/ports.ts'

const HOST = '127.0.0.1'
/** How long a program may take to answer or to process an upload, and the pauses before it is asked again, in milliseconds. */
const TIMEOUT_MS = 60_000
const PAUSE_MS = 50
const RETRY_MS = 500

/**
 * Runs the api and the worker in this process, configured by its environment, until uploads have gone through both.
 *
 * @param dist `dist/services`
 */
export async function warmUpPrograms(dist: string, token: string, uploads: number): Promise<void> {
  const api = await start(path.join(dist, 'api/server.main.js'), 'PORT')
  await start(path.join(dist, 'worker/worker.main.js'), 'HEALTH_PORT')
  for (let count = 0; count < uploads; count++) {
    const { uploadId } = await ask(`${api}/uploads`, token, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ filename: 'demo.txt', content: 'hello kinesis' }),
    })
    const until = Date.now() + TIMEOUT_MS
    let status: unknown
    while (status !== 'processed') {
      // Answered when it is processed, or after 25 s.
      status = (await ask(`${api}/uploads/${uploadId}?wait=25`, token)).status
      if (status === 'failed' || Date.now() > until) throw new Error(`The upload came to be ${status}.`)
    }
  }
}

/** @returns where it listens, once it answers */
async function start(program: string, variable: 'PORT' | 'HEALTH_PORT'): Promise<string> {
  const port = await findQuietPort(HOST)
  Object.assign(process.env, { HOST, HEALTH_HOST: HOST, [variable]: String(port) })
  // By the name under which it is imported in the image: the cache is looked up by it.
  await import(program)
  const url = `http://${HOST}:${port}`
  const until = Date.now() + TIMEOUT_MS
  while (!(await isLive(url))) {
    if (Date.now() > until) throw new Error(`${program} did not answer in a minute.`)
    await pass(PAUSE_MS)
  }
  return url
}

async function isLive(url: string): Promise<boolean> {
  return fetch(`${url}/livez`).then(
    response => response.ok,
    () => false,
  )
}

/** Asks again after a 503: on a busy machine the api may not reach its issuer or AWS in time. */
async function ask(url: string, token: string, init: RequestInit = {}): Promise<Record<string, unknown>> {
  const headers = { ...init.headers, authorization: `Bearer ${token}` }
  const until = Date.now() + TIMEOUT_MS
  while (true) {
    const response = await fetch(url, { ...init, headers })
    if (response.ok) return (await response.json()) as Record<string, unknown>
    const text = await response.text()
    if (response.status !== 503 || Date.now() > until) {
      throw new Error(`${url} was answered with ${response.status}: ${text}`)
    }
    await pass(RETRY_MS)
  }
}
