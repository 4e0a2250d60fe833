/**
 * Replaces the `fetch` of Node by that of undici 8, and sends its requests through the proxy that HTTP_PROXY, HTTPS_PROXY and NO_PROXY name.
 * The modules of `session/` import this file. The other commands load it if the environment names a proxy.
 */
import { EnvHttpProxyAgent, install, setGlobalDispatcher } from 'undici'
import { UsageError } from './errors.ts'

/** Programs of this machine, such as the api of `npm start`, are never behind a proxy. */
const LOOPBACK = 'localhost,127.0.0.1,::1,[::1]'

// The `fetch` of Node ends the process if a server closes a connection whose response waits for a slow disk or terminal. undici 8 does not.
install()
// If Node's own undici was loaded first, for example by an import of `node:http`, undici 8 would send requests by its connections.
setGlobalDispatcher(createDispatcher(process.env))

function createDispatcher({ no_proxy, NO_PROXY }: NodeJS.ProcessEnv): EnvHttpProxyAgent {
  try {
    return new EnvHttpProxyAgent({ noProxy: [no_proxy || NO_PROXY, LOOPBACK].filter(Boolean).join(',') })
  } catch (cause) {
    // The value may contain a password.
    throw new UsageError(
      'HTTP_PROXY or HTTPS_PROXY is not the URL of a proxy, such as http://proxy.example.com:3128.',
      {
        cause,
      },
    )
  }
}
