package interop;

import com.amazonaws.services.dynamodbv2.local.server.LocalDynamoDBRequestHandler;
import com.amazonaws.services.dynamodbv2.local.server.LocalDynamoDBServerHandler;
import java.net.InetSocketAddress;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.handler.ContextHandler;

/**
 * DynamoDB Local in memory. Its own command listens on every interface and reports its use over the network: this one
 * listens on the loopback address at a free port, says which, and ends with its standard input.
 */
public final class Main {
    private Main() {}

    public static void main(String[] args) throws Exception {
        boolean inMemory = true;
        LocalDynamoDBRequestHandler requests = new LocalDynamoDBRequestHandler(0, inMemory, null, false, false);
        Server server = new Server(new InetSocketAddress("127.0.0.1", 0));
        server.setHandler(new ContextHandler(new LocalDynamoDBServerHandler(requests, null), "/"));
        server.start();
        int port = ((ServerConnector) server.getConnectors()[0]).getLocalPort();
        System.out.println("{\"type\":\"listening\",\"atMicros\":0,\"port\":" + port + "}");
        System.out.flush();
        while (System.in.read() != -1) { }
        Runtime.getRuntime().halt(0);
    }
}
