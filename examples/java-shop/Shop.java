// A small shop that shows recommendations beside each product, as such services are written: the
// recommendations come from another service, and no code here knows what to do without them.
//
//     javac -d classes Shop.java
//     java -cp classes Shop PORT URL-OF-THE-RECOMMENDATIONS
//
// Nothing in it knows of Sluice either: the usual properties of the JVM (-Dhttp.proxyHost,
// -Dhttp.proxyPort) send its calls through the egress listener of sluice.yaml.

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Executors;

public final class Shop {
  private final String recommendations;

  private Shop(String recommendations) {
    this.recommendations = recommendations;
  }

  public static void main(String[] arguments) throws IOException {
    Shop shop = new Shop(arguments[1]);
    int port = Integer.parseInt(arguments[0]);
    HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
    server.createContext("/products/", shop::showProduct);
    server.setExecutor(Executors.newFixedThreadPool(16));
    server.start();
    System.out.println("listening on 127.0.0.1:" + server.getAddress().getPort());
  }

  private void showProduct(HttpExchange exchange) throws IOException {
    String product = exchange.getRequestURI().getPath().substring("/products/".length());
    try {
      String items = get(recommendations + "/for/" + product);
      answer(exchange, 200, "{\"product\":\"" + product + "\",\"recommended\":" + items + "}");
    } catch (IOException e) {
      answer(exchange, 500, "{\"error\":\"" + e.getClass().getSimpleName() + "\"}");
    }
  }

  private static String get(String url) throws IOException {
    HttpURLConnection connection = (HttpURLConnection) new URL(url).openConnection();
    connection.setConnectTimeout(5_000);
    connection.setReadTimeout(5_000);
    try (InputStream body = connection.getInputStream()) {  // Throws for 4xx and 5xx.
      return new String(body.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private static void answer(HttpExchange exchange, int status, String text) throws IOException {
    byte[] body = text.getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("Content-Type", "application/json");
    exchange.sendResponseHeaders(status, body.length);
    try (OutputStream out = exchange.getResponseBody()) {
      out.write(body);
    }
  }
}
