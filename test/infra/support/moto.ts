import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'

/**
 * A moto server at a free port, as long as the test: other people's reading of CloudFormation, of part of it. Undefined where it is
 * not installed (`pip install 'moto[server]'`).
 *
 * @returns its URL, the same for every service
 */
export async function startMoto(t: Pick<Test, 'teardown'>): Promise<string | undefined> {
  const child = spawn('moto_server', ['-H', '127.0.0.1', '-p', '0'], { stdio: ['ignore', 'ignore', 'pipe'] })
  const gone = once(child, 'exit')
  try {
    await once(child, 'spawn')
  } catch {
    gone.catch(() => undefined)
    return undefined
  }
  t.teardown(async () => {
    child.kill()
    await gone
  })
  for await (const line of createInterface(child.stderr)) {
    const url = /Running on (http:\/\/127\.0\.0\.1:\d+)/.exec(line)?.[1]
    if (url !== undefined) {
      child.stderr.resume()
      return url
    }
  }
  throw new Error('moto_server ended before it ran')
}

/** A call of CloudFormation, which there is no client for here. It answers in XML. */
export async function callCloudFormation(url: string, parameters: Record<string, string>): Promise<string> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      authorization:
        'AWS4-HMAC-SHA256 Credential=moto/20260101/us-east-1/cloudformation/aws4_request, SignedHeaders=host, Signature=0',
    },
    body: new URLSearchParams({ Version: '2010-05-15', ...parameters }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${parameters.Action}: ${response.status} ${text.slice(0, 500)}`)
  return text
}
