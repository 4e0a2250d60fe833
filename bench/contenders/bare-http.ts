import { createServer } from 'node:http'

/** The smallest server that responds. */
createServer((_request, response) => response.end()).listen(Number(process.env.PORT), '127.0.0.1')
