import { DemoError } from './errors.ts'

export interface JsonRequest {
  method?: 'GET' | 'POST'
  token: string
  body?: unknown
  signal: AbortSignal
}

/** One request to the api, and the JSON it answers with. @throws DemoError where the answer is not 2xx or not JSON */
export async function requestJson(url: string, { method = 'GET', token, body, signal }: JsonRequest): Promise<unknown> {
  const response = await fetch(url, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal,
  })
  const text = await response.text()
  const where = `${method} ${new URL(url).pathname}`
  if (!response.ok) throw new DemoError(`${where} answered ${response.status}: ${text}`)
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new DemoError(`${where} answered ${response.status} with what is not JSON: ${text}`, { cause })
  }
}
