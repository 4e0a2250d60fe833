import type { ServerResponse } from 'node:http'

/**
 * Calls back once a response is over: with true if it was sent completely, with false if its connection was lost. Listens to
 * `finish`, because behind Lambda a response is closed before it is `writableFinished`.
 */
export function onResponseEnd(response: ServerResponse, callback: (isWhole: boolean) => void): void {
  let isWhole = false
  response.once('finish', () => {
    isWhole = true
  })
  response.once('close', () => callback(isWhole))
}
