import path from 'node:path'
import { setTimeout as pass } from 'node:timers/promises'
import { findQuietPort } from '../services/local/ports.ts'

const HOST = '127.0.0.1'
/** The maximum time for a response or for processing an upload, and the pauses between attempts, in milliseconds. */
const TIMEOUT_MS = 60_000
const PAUSE_MS = 50
const RETRY_MS = 500

/**
 * Runs the api and the worker in this process, configured by its environment, until they have processed the uploads.
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
      // The response comes when the upload is processed, or after 25 s.
      status = (await ask(`${api}/uploads/${uploadId}?wait=25`, token)).status
      if (status === 'failed' || Date.now() > until) throw new Error(`The upload has the status ${status}.`)
    }
  }
}

/** Starts a program and resolves to its URL once it responds. */
async function start(program: string, variable: 'PORT' | 'HEALTH_PORT'): Promise<string> {
  const port = await findQuietPort(HOST)
  Object.assign(process.env, { HOST, HEALTH_HOST: HOST, [variable]: String(port) })
  // With the path that the image imports, because the cache is keyed by path.
  await import(program)
  const url = `http://${HOST}:${port}`
  const until = Date.now() + TIMEOUT_MS
  while (!(await isLive(url))) {
    if (Date.now() > until) throw new Error(`${program} did not respond within a minute.`)
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

/** Sends a request, and retries it after a 503: on a busy machine the api may not reach its issuer or AWS in time. */
async function ask(url: string, token: string, init: RequestInit = {}): Promise<Record<string, unknown>> {
  const headers = { ...init.headers, authorization: `Bearer ${token}` }
  const until = Date.now() + TIMEOUT_MS
  while (true) {
    const response = await fetch(url, { ...init, headers })
    if (response.ok) return (await response.json()) as Record<string, unknown>
    const text = await response.text()
    if (response.status !== 503 || Date.now() > until) {
      throw new Error(`${url} responded with ${response.status}: ${text}`)
    }
    await pass(RETRY_MS)
  }
}
