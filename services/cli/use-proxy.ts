import http from 'node:http'

const VARIABLES = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY']
/** Programs of this machine, such as the api of `npm start`, are never behind a proxy. */
const LOOPBACK = 'localhost,127.0.0.1,::1,[::1]'

/**
 * Sends the requests of fetch through the proxy that HTTP_PROXY, HTTPS_PROXY and NO_PROXY name. Node itself does that only if
 * NODE_USE_ENV_PROXY is set.
 *
 * @param onNote called if this version of Node cannot use a proxy
 */
export function useProxy(env: NodeJS.ProcessEnv, onNote: (note: string) => void): void {
  const name = VARIABLES.find(one => env[one])
  if (name === undefined) return
  // Since Node 24.14.
  const { setGlobalProxyFromEnv } = http as Partial<Pick<typeof http, 'setGlobalProxyFromEnv'>>
  if (!setGlobalProxyFromEnv) {
    if (!env.NODE_USE_ENV_PROXY) {
      onNote(
        `${name} is ignored: Node ${process.version} uses a proxy only if NODE_USE_ENV_PROXY=1 is set, since Node 22.21.`,
      )
    }
    return
  }
  const excluded = notThrough(env)
  setGlobalProxyFromEnv({ ...env, no_proxy: excluded, NO_PROXY: excluded })
}

/** Returns whether the environment names a proxy. */
export function hasProxy(env: NodeJS.ProcessEnv): boolean {
  return VARIABLES.some(name => env[name])
}

/** Returns the hosts that are reached without the proxy, as NO_PROXY lists them. */
export function notThrough(env: NodeJS.ProcessEnv): string {
  return [env.no_proxy || env.NO_PROXY, LOOPBACK].filter(Boolean).join(',')
}
