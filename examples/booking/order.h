// The values of a booking: what comes in, what each call gives, and what the user gets.

#pragma once

#include <string>

namespace booking {

struct Order {
  std::string user = "guest";
  std::string hotel;       // Empty: what the user's cart says.
  std::string room;        // Empty: what the user's cart says.
  std::string booking_id;  // What the booking will be called.
};

struct User {
  std::string name;
  std::string tier;
};

struct Cart {
  std::string hotel;
  std::string room;
  int nights = 0;
};

struct Reservation {
  std::string id;
};

struct Quote {
  int amount_cents = 0;
};

struct Coupon {
  int percent = 0;
};

struct Risk {
  int score = 0;
  bool is_known = true;  // False: nobody could tell, so a person looks at it later.
};

struct Approval {
  bool needs_review = false;
};

struct Charge {
  std::string id;
  bool is_declined = false;  // By the bank: an answer, not a failure of the service.
};

struct Booking {
  std::string id;
  User user;
  Cart cart;
  int amount_cents = 0;
  int discount_percent = 0;
  bool needs_review = false;
  std::string reservation;
  std::string charge;
};

}  // namespace booking
